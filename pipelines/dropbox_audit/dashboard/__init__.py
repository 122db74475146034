"""Pages over the views, in a browser: `queries/` asks, `screens/` shows, `serve.py` starts. Nothing else imports it."""
