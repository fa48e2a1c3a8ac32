"""An event-sourced photo and video sharing backend on Kafka."""
