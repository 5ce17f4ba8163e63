"""What the doctor does beside a person: lift the handset, watch the levels."""
