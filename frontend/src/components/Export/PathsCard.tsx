import { Button, Select, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { Chosen, chosenQuery } from "./Chosen";
import classes from "./Export.module.css";
import { save } from "./save";

/** The names of result files as text, for programs outside. */
export function PathsCard({ project }: { project: string }) {
  const { data } = useQuery({
    queryKey: ["p", project, "results"],
    queryFn: () => need(client.GET("/api/projects/{project}/results", { params: { path: { project } } })),
  });
  const kinds = new Map<string, string>();
  for (const result of data ?? []) {
    if (result.done === 0 || result.scope !== "item") continue;
    for (const file of result.files) kinds.set(`${file.slot}/${file.name}`, `${file.slot.replace(/_/g, " ")}${file.name ? `, ${file.name}` : ""}`);
  }
  const [own, setOwn] = useState<string | null>(null);
  const [absolute, setAbsolute] = useState(true);
  const [chosen, setChosen] = useState({ filter: "", where: "" });
  const kind = own ?? (kinds.has("micrograph/") ? "micrograph/" : ([...kinds.keys()][0] ?? null));
  const fetching = useMutation({
    mutationFn: () => {
      const [slot, name] = kind!.split("/");
      return save(`/api/projects/${project}/results/paths?slot=${slot}&name=${name}&absolute=${absolute}${chosenQuery(chosen)}`, `${project}-${slot}.txt`);
    },
  });
  return (
    <section className={classes.card} aria-labelledby="paths-title">
      <Title order={2} id="paths-title">List of result files</Title>
      {data && kinds.size === 0 ? (
        <Text size="sm" c="dimmed">No job has given files yet.</Text>
      ) : (
        <>
          <Select label="Files" size="sm" data={[...kinds].map(([value, label]) => ({ value, label }))} value={kind} onChange={setOwn} allowDeselect={false} />
          <Chosen project={project} value={chosen} onChange={setChosen} name="Files" />
          <Switch label="Whole paths" checked={absolute} onChange={(event) => setAbsolute(event.currentTarget.checked)} />
          <Button size="compact-md" variant="default" style={{ alignSelf: "flex-start" }} disabled={!kind} loading={fetching.isPending} onClick={() => fetching.mutate()}>Save the list</Button>
          {fetching.error && <Fault error={fetching.error} />}
        </>
      )}
    </section>
  );
}
