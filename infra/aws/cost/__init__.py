"""What a stack costs on AWS, and what it costs by use: for a preview, and before jobs are submitted."""
