"""One module a verb, each with a click command of the verb's name."""
