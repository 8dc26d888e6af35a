import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import type { Role } from "@/hooks/useMe";
import { NewPassword } from "./NewPassword";
import { SHORTEST } from "./PasswordForm";
import { RoleSelect } from "./RoleSelect";
import { useChange } from "./useAccount";

/** A new user: name, first password, role. */
export function UserForm({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role | null>("viewer");
  const add = useChange(
    () => need(client.POST("/api/users", { body: { name, password, role } })),
    (user) => `${user.name} may sign in`,
    true,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(undefined, { onSuccess: close });
  };
  return (
    <form onSubmit={submit} aria-label="New user">
      <Stack gap="sm">
        <Group align="flex-start" gap="sm">
          <TextInput
            label="Name" required autoFocus autoComplete="off" maxLength={64} w={200} value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <NewPassword label="First password" value={password} onChange={setPassword} />
          <RoleSelect label="On the server" none="only single projects" value={role} onChange={setRole} />
          <Button type="submit" mt={24} loading={add.isPending} disabled={!name || password.length < SHORTEST}>
            Add
          </Button>
          <Button variant="subtle" mt={24} onClick={close}>
            Cancel
          </Button>
        </Group>
        {add.error && <Fault error={add.error} />}
      </Stack>
    </form>
  );
}
