import { Button, Group, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need, type Schemas } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { EffectOfChange } from "./EffectOfChange";
import { SettingInput } from "./SettingInput";
import classes from "./Settings.module.css";

export type SettingField = Schemas["SettingField"];
const GROUPS = ["Acquisition", "Camera", "Processing"];

/** The project's settings; a change says what it would have computed again before it is applied. */
export function SettingsCard({ project }: { project: string }) {
  const may = useMayChange(project);
  const action = useAction(project);
  const [wanted] = useUrlState("field");
  const [changes, setChanges] = useState<Record<string, unknown>>({});
  const { data, error, refetch } = useQuery({
    queryKey: ["p", project, "settings"],
    queryFn: () => need(client.GET("/api/projects/{project}/settings", { params: { path: { project } } })),
  });
  if (error) return <Fault error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} />;
  const changed = Object.keys(changes).length;
  const change = (field: SettingField, value: unknown) =>
    setChanges((before) => {
      const next = { ...before, [field.name]: value };
      if (JSON.stringify(value) === JSON.stringify(field.value ?? null)) delete next[field.name];
      return next;
    });
  const apply = () => {
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, data.find((field) => field.name === name)?.value ?? null]));
    const undo = () => action.mutate({ name: "change_settings", body: { values: before, origin: "user" } });
    action.mutate({ name: "change_settings", body: { values: changes, origin: "user" }, told: "The settings are changed", undo }, { onSuccess: () => setChanges({}) });
  };
  return (
    <section className={classes.card} aria-labelledby="settings-title">
      <Title order={2} id="settings-title">Acquisition and processing</Title>
      <Text size="sm" c="dimmed">Jobs take these values unless a job or an image has its own.</Text>
      {GROUPS.map((group) => (
        <div key={group}>
          <Title order={3} mb={6}>{group}</Title>
          <div className={classes.fields}>
            {data.filter((field) => field.group === group).map((field) => (
              <SettingInput key={field.name} field={field} value={field.name in changes ? changes[field.name] : field.value} changed={field.name in changes}
                onChange={(value) => change(field, value)} disabled={!may} focus={wanted === field.name} />
            ))}
          </div>
        </div>
      ))}
      {changed > 0 && (
        <div className={classes.bar}>
          <EffectOfChange project={project} changes={changes}>
            {(allowed) => (
              <Group>
                <Button size="compact-md" onClick={apply} disabled={!allowed} loading={action.isPending}>Apply</Button>
                <Button size="compact-md" variant="default" onClick={() => setChanges({})}>Leave it</Button>
              </Group>
            )}
          </EffectOfChange>
        </div>
      )}
    </section>
  );
}
