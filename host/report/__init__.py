"""Results for people: tables and sentences for the terminal."""
