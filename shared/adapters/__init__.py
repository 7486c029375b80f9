"""One module per outside thing. Each turns its library's errors into the exceptions of `shared.errors`."""
