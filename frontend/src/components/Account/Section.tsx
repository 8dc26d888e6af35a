import { Group, Stack, Text, Title } from "@mantine/core";
import { useId, type ReactNode } from "react";
import classes from "./Account.module.css";

/** A part of the page: heading, one sentence, buttons at the right, content. */
export function Section({ title, help, action, children }: { title: string; help?: ReactNode; action?: ReactNode; children?: ReactNode }) {
  const id = useId();
  return (
    <section className={classes.section} aria-labelledby={id}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div style={{ flex: "1 1 240px", minWidth: 0 }}>
            <Title order={2} id={id}>
              {title}
            </Title>
            {help && (
              <Text size="sm" c="dimmed">
                {help}
              </Text>
            )}
          </div>
          {action}
        </Group>
        {children}
      </Stack>
    </section>
  );
}
