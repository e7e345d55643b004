"""One Typer command a file: parse, call one library function, render."""
