import { Button, Group, MultiSelect, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { Chosen, chosenQuery } from "./Chosen";
import classes from "./Export.module.css";
import { save } from "./save";

const USUAL = ["name", "recorded", "flag", "drift_total", "defocus", "defocus_difference", "fit_resolution", "score", "iciness", "counts_per_frame", "total_dose"];

/** Columns of the images as CSV or Parquet. */
export function TableCard({ project }: { project: string }) {
  const { data } = useQuery({
    queryKey: ["p", project, "columns"],
    queryFn: () => need(client.GET("/api/projects/{project}/columns", { params: { path: { project } } })),
  });
  const known = (data ?? []).map((column) => column.name);
  const [own, setOwn] = useState<string[] | null>(null);
  const [chosen, setChosen] = useState({ filter: "", where: "" });
  const columns = own ?? USUAL.filter((name) => known.includes(name));
  const fetching = useMutation({
    mutationFn: (kind: "csv" | "parquet") => {
      const query = `columns=${encodeURIComponent(columns.join(","))}${chosenQuery(chosen)}`;
      const address = kind === "csv" ? `items.csv?${query}` : `results/table.parquet?${query}`;
      return save(`/api/projects/${project}/${address}`, `${project}-items.${kind}`);
    },
  });
  return (
    <section className={classes.card} aria-labelledby="table-title">
      <Title order={2} id="table-title">Table of the images</Title>
      <Chosen project={project} value={chosen} onChange={setChosen} name="Table" />
      <MultiSelect label="Columns" size="sm" searchable data={known} value={columns} onChange={setOwn} hidePickedOptions limit={100} comboboxProps={{ withinPortal: true }} />
      <Group>
        <Button size="compact-md" variant="default" disabled={columns.length === 0} loading={fetching.isPending && fetching.variables === "csv"} onClick={() => fetching.mutate("csv")}>Save CSV</Button>
        <Button size="compact-md" variant="default" disabled={columns.length === 0} loading={fetching.isPending && fetching.variables === "parquet"} onClick={() => fetching.mutate("parquet")}>Save Parquet</Button>
        <Text size="xs" c="dimmed">units as in the catalogue: Å, degrees, e/Å²</Text>
      </Group>
      {fetching.error && <Fault error={fetching.error} />}
    </section>
  );
}
