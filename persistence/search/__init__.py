"""What texts are found and sorted by: words and sort keys, stored beside the texts."""
