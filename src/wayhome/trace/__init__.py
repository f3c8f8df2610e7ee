"""What happens to a flow on its way out and to the reply on its way home."""
