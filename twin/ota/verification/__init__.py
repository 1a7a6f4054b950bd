"""What ECUs check before they believe metadata and images: the Uptane standard 2.1.0, fully or partially."""
