"""What a laptop needs: embedded servers, a supervisor, the demo shop."""
