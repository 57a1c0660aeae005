"""What the end-to-end tests share: the server as a process, the wire, model folders, formats. Standard library only."""
