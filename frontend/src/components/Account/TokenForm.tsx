import { Alert, Button, Code, CopyButton, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { client, need, type Me } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { useProjects } from "@/hooks/useProject";
import type { Role } from "@/hooks/useMe";
import { useChange } from "./useAccount";

const TIMES = [
  { value: "1", label: "1 day" }, { value: "30", label: "30 days" }, { value: "90", label: "90 days" },
  { value: "365", label: "1 year" }, { value: "", label: "until it is removed" },
];

/** A new token; its secret is shown once. */
export function TokenForm({ me, close }: { me: Me; close: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [project, setProject] = useState("");
  const [days, setDays] = useState("90");
  const projects = useProjects().data ?? [];
  const make = useChange(
    () => need(client.POST("/api/tokens", { body: { name, role, project: project || null, days: days ? Number(days) : null } })),
    undefined,
    true,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate(undefined);
  };
  if (make.data) return <Made token={make.data.token} close={close} />;
  const roles: Role[] = me.role === "viewer" ? ["viewer"] : me.role === "operator" ? ["viewer", "operator"] : ["viewer", "operator", "owner"];
  return (
    <form onSubmit={submit} aria-label="New token">
      <Stack gap="sm">
        <Group align="flex-end" gap="sm">
          <TextInput label="What it is for" required autoFocus maxLength={64} w={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <NativeSelect label="At most" data={roles} value={role} w={120} onChange={(event) => setRole(event.currentTarget.value as Role)} />
          <NativeSelect
            label="Project" w={200} value={project} onChange={(event) => setProject(event.currentTarget.value)}
            data={[{ value: "", label: "all of yours" }, ...projects.map((entry) => ({ value: entry.key, label: String(entry.brief.title ?? entry.key) }))]}
          />
          <NativeSelect label="Holds for" data={TIMES} value={days} w={160} onChange={(event) => setDays(event.currentTarget.value)} />
          <Button type="submit" loading={make.isPending}>
            Make token
          </Button>
          <Button variant="subtle" onClick={close}>
            Cancel
          </Button>
        </Group>
        {make.error && <Fault error={make.error} />}
      </Stack>
    </form>
  );
}

function Made({ token, close }: { token: string; close: () => void }) {
  return (
    <Alert icon={<IconKey size={18} />} variant="light" title="Copy it now: it can't be shown again" role="status">
      <Stack gap="xs" align="flex-start">
        <Code block aria-label="The new token" style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
          {token}
        </Code>
        <Group gap="sm">
          <CopyButton value={token}>
            {({ copied, copy }) => (
              <Button size="compact-md" onClick={copy}>
                {copied ? "Copied" : "Copy"}
              </Button>
            )}
          </CopyButton>
          <Button size="compact-md" variant="subtle" onClick={close}>
            Done
          </Button>
        </Group>
        <Text size="xs" c="dimmed">
          {`curl -H "Authorization: Bearer $TOKEN" ${window.location.origin}/api/projects`}
        </Text>
      </Stack>
    </Alert>
  );
}
