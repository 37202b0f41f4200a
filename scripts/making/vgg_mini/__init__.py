"""The small VGG16 is taught by VGG16: on which pictures, and how."""
