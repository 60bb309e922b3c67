"""The rotation: decisions (plan, guard), orchestrators (workflow), steps (activities), bindings (blueprint)."""
