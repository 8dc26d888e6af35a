import { Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";

export interface ChosenImages {
  filter: string;
  where: string;
}

/** Which images are taken: all, those of a filter, those that meet a condition. */
export function Chosen({ project, value, onChange, name }: { project: string; value: ChosenImages; onChange: (value: ChosenImages) => void; name: string }) {
  const { data } = useQuery({
    queryKey: ["p", project, "filters"],
    queryFn: () => need(client.GET("/api/projects/{project}/filters", { params: { path: { project } } })),
  });
  const filters = (data ?? []).map((entry) => ({ value: String(entry.job), label: `J${entry.job} ${entry.title}` }));
  return (
    <>
      {filters.length > 0 && (
        <Select label="Images of a filter" aria-label={`${name}: images of a filter`} size="sm" placeholder="All images" clearable searchable limit={60} data={filters} value={value.filter || null}
          onChange={(filter) => onChange({ ...value, filter: filter ?? "" })} />
      )}
      <TextInput label="Condition" aria-label={`${name}: condition`} size="sm" placeholder="such as fit_resolution < 5 and iciness < 1.6" value={value.where} spellCheck={false}
        onChange={(event) => onChange({ ...value, where: event.currentTarget.value })} />
    </>
  );
}

/** The part of an address that says which images. */
export function chosenQuery(value: ChosenImages): string {
  return `${value.filter ? `&filter=${value.filter}` : ""}${value.where.trim() ? `&where=${encodeURIComponent(value.where)}` : ""}`;
}
