"""The rotation: decisions (plan, guard), orchestrators (workflow), steps (activities) and their bindings (blueprint)."""
