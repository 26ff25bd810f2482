"""The certificates of the gateways: looked at, counted, kept, and changed from staging to production."""
