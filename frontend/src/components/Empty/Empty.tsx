import { Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

/** An empty page: what it will show, what to do next, and the button for that. */
export function Empty({ icon, title, children, action }: { icon?: ReactNode; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Stack align="center" justify="center" gap="sm" p="xl" style={{ minHeight: 240, textAlign: "center" }}>
      {icon}
      <Title order={2}>{title}</Title>
      {children && (
        <Text c="dimmed" maw={480}>
          {children}
        </Text>
      )}
      {action}
    </Stack>
  );
}
