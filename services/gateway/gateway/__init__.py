"""What the browser meets: takes a login over from the tenant, leads it through its steps, hands it back."""
