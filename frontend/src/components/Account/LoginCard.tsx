import { Alert, Center, Code, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { Schemas } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { LoginForm } from "./LoginForm";

interface Props {
  ways: UseQueryResult<Schemas["WaysIn"]>;
  /** Whether somebody has just signed out. */
  left: boolean;
  /** Whether a link was opened that does not hold any more. */
  oldLink: boolean;
  onSignedIn: () => void;
}

/** The only thing on the page of those who are not known yet. */
export function LoginCard({ ways, left, oldLink, onSignedIn }: Props) {
  return (
    <Center mih="100dvh" p="md" component="main">
      <Paper withBorder p="xl" radius="md" w="100%" maw={400}>
        <Stack gap="md">
          <Group gap="sm">
            <img src="/icon.svg" width={32} height={32} alt="" />
            <Title order={1}>{left ? "You are signed out" : "Sign in to Vitreous"}</Title>
          </Group>
          {oldLink && (
            <Alert color="blue" variant="light" icon={<IconInfoCircle size={18} />} title="This link was used already, or is older than ten minutes" role="alert">
              <HowToLink />
            </Alert>
          )}
          {ways.error && <Fault error={ways.error} retry={() => void ways.refetch()} />}
          {ways.isPending && <Skeleton height={190} />}
          {ways.data?.users && <LoginForm onSignedIn={onSignedIn} />}
          {ways.data && !ways.data.users && !oldLink && <NoUsers />}
        </Stack>
      </Paper>
    </Center>
  );
}

function NoUsers() {
  return (
    <Stack gap="xs">
      <Text size="sm">Open the address that the server printed when it was started: it signs you in at once.</Text>
      <HowToLink />
    </Stack>
  );
}

function HowToLink() {
  return (
    <Stack gap={6}>
      <Text size="sm">For a new address, type this on the machine where the server runs:</Text>
      <Code block>vitreous users link</Code>
    </Stack>
  );
}
