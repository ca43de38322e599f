"""What a configuration says about mode http: rules with their actions, and the settings of both sides."""
