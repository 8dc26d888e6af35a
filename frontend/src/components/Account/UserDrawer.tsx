import { Button, Drawer, Group, Stack, Switch, Text, Title } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { client, need, type Me, type Schemas } from "@/client/client";
import { counted } from "@/components/format";
import { NewPassword } from "./NewPassword";
import { SHORTEST } from "./PasswordForm";
import { RoleSelect } from "./RoleSelect";
import { UserRights } from "./UserRights";
import { useChange } from "./useAccount";

type User = Schemas["UserLine"];

/** Everything that an owner of the server may change of one user. */
export function UserDrawer({ user, me, close }: { user: User | undefined; me: Me; close: () => void }) {
  return (
    <Drawer opened={user !== undefined} onClose={close} position="right" size="md" title={<Text fw={600}>{user?.name}</Text>}>
      {user && <UserSettings key={user.id} user={user} self={me.has_password && user.name === me.name} close={close} />}
    </Drawer>
  );
}

function UserSettings({ user, self, close }: { user: User; self: boolean; close: () => void }) {
  const path = { user: user.id };
  const change = useChange(
    (body: Schemas["UserChange"]) => need(client.PATCH("/api/users/{user}", { params: { path }, body })),
    (found) => `${found.name} is changed`,
  );
  const end = useChange(
    () => need(client.POST("/api/users/{user}/sessions/end", { params: { path } })),
    (done) => `${counted(done.ended, "session")} ended`,
  );
  const set = (values: Partial<Schemas["UserChange"]>) => change.mutate(values as Schemas["UserChange"]);
  return (
    <Stack gap="lg">
      {self && (
        <Text size="sm" c="dimmed">
          This is you: another owner may change your role, or remove you.
        </Text>
      )}
      <RoleSelect label="On the server" none="only single projects" value={user.role} disabled={self} onChange={(role) => set({ role })} />
      <UserRights user={user} />
      <Switch
        label="May come in" description="Without it all sessions end and tokens don't work; rights are kept" checked={!user.disabled}
        disabled={self} onChange={(event) => set({ disabled: !event.currentTarget.checked })}
      />
      <PasswordOf change={(password) => set({ password })} />
      <Group gap="sm">
        <Button variant="light" disabled={user.sessions === 0} loading={end.isPending} onClick={() => end.mutate(undefined)}>
          Sign out everywhere ({user.sessions})
        </Button>
        {!self && <Remove user={user} close={close} />}
      </Group>
    </Stack>
  );
}

function PasswordOf({ change }: { change: (password: string) => void }) {
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change(password);
    setPassword("");
  };
  return (
    <form onSubmit={submit} aria-label="New password of the user">
      <Group align="flex-start" gap="sm">
        <NewPassword label="New password" value={password} onChange={setPassword} />
        <Button type="submit" variant="light" mt={24} disabled={password.length < SHORTEST}>
          Set
        </Button>
      </Group>
      <Text size="xs" c="dimmed" mt={4}>
        Tell it to the user; all sessions of the user end.
      </Text>
    </form>
  );
}

/** Removing can't be undone, so it asks once. */
function Remove({ user, close }: { user: User; close: () => void }) {
  const [asked, setAsked] = useState(false);
  const remove = useChange(
    () => need(client.DELETE("/api/users/{user}", { params: { path: { user: user.id } } })),
    () => `${user.name} is removed`,
  );
  if (!asked) {
    return (
      <Button variant="subtle" color="red" onClick={() => setAsked(true)}>
        Remove user
      </Button>
    );
  }
  return (
    <Stack gap={4}>
      <Title order={3}>Remove {user.name} with all rights and tokens?</Title>
      <Group gap="xs">
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(undefined, { onSuccess: close })}>
          Remove
        </Button>
        <Button variant="subtle" onClick={() => setAsked(false)}>
          Keep
        </Button>
      </Group>
    </Stack>
  );
}
