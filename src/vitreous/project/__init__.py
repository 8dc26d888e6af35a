"""One function per user action: what the command line, a web page or a script asks for."""
