"""How a protocol text is read and lowered: names, types, expressions, statements, steps."""
