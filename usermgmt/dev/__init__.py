"""What script/dev serves the product with: never for others than the developer at this machine."""
