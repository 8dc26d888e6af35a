import { Stack, Text } from "@mantine/core";
import type { Me } from "@/client/client";
import { PasswordForm } from "./PasswordForm";
import { Section } from "./Section";
import { SessionList } from "./SessionList";
import { TokenList } from "./TokenList";

/** What belongs to the user: password, browsers that are signed in, tokens of scripts. */
export function AccountPanel({ me }: { me: Me }) {
  return (
    <Stack gap="md">
      <Section title={me.name} help={roleSentence(me)}>
        {me.has_password ? (
          <PasswordForm name={me.name} />
        ) : (
          <Text size="sm" maw={560}>
            You came in by the address that the server printed, so there is no password. To let others in, or to come in
            yourself from elsewhere, add users with a name and a password.
          </Text>
        )}
      </Section>
      <SessionList />
      <TokenList me={me} />
    </Stack>
  );
}

function roleSentence(me: Me): string {
  const rights = Object.entries(me.rights).map(([project, role]) => `${role} of ${project}`);
  if (me.role) return `${me.role[0]!.toUpperCase()}${me.role.slice(1)} on this server${rights.length ? `; ${rights.join(", ")}` : ""}`;
  return rights.length ? rights.join(", ") : "No project is open to you yet; ask an owner for access";
}
