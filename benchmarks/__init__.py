"""What the README claims about speed, cost and quality, measured again by one command each."""
