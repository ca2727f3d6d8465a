"""The board's side: describes the board, measures layers, runs pipelines."""
