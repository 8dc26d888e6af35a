import { Anchor, SimpleGrid, Skeleton, Table, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { formatColumn, shown } from "@/components/format";
import { ItemView } from "@/components/Image/ItemView";
import { useViews } from "@/components/Image/views";
import classes from "./Results.module.css";
import { libraryUrl, useFirst } from "./results";

/** The best and the worst images by a column, with pictures where there are files. */
export function Ranked({ project, column }: { project: string; column: string }) {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <End project={project} column={column} direction="asc" title="Best" />
      <End project={project} column={column} direction="desc" title="Worst" />
    </SimpleGrid>
  );
}

function End({ project, column, direction, title }: { project: string; column: string; direction: "asc" | "desc"; title: string }) {
  const { data } = useFirst(project, column, direction, ["name", column]);
  const unit = shown(column).unit;
  const rows = (data?.rows ?? []).map((row, place) => ({ id: data!.ids[place]!, name: String(row[0]), value: row[1] })).filter((row) => row.value !== null);
  return (
    <section className={classes.card} aria-label={`${title} images`}>
      <Title order={3} mb="xs">
        {title} by {column.replace(/_/g, " ")}
        {unit ? ` / ${unit}` : ""}
      </Title>
      {!data && <Skeleton height={160} />}
      {rows.length > 0 && <Images project={project} column={column} rows={rows} />}
    </section>
  );
}

interface Row {
  id: number;
  name: string;
  value: unknown;
}

/** Pictures where the first image has one, else a table. */
function Images({ project, column, rows }: { project: string; column: string; rows: Row[] }) {
  const views = useViews(project, rows[0]!.id);
  const pictured = views.data?.views.views.some((view) => view.name === "after" && view.available);
  return (
    <>
      {pictured ? (
        <div className={classes.images}>
          {rows.map((row) => (
            <div key={row.id} style={{ minWidth: 0 }}>
              <ItemView project={project} item={row.id} view="after" size={200} />
              <Text size="xs" truncate title={row.name}>{formatColumn(column, row.value)} <Anchor size="xs" component={Link} to={libraryUrl(project, `id == ${row.id}`)}>{row.name}</Anchor></Text>
            </div>
          ))}
        </div>
      ) : (
        <Table fz="sm" verticalSpacing={4}>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.id}>
                <Table.Td style={{ overflowWrap: "anywhere" }}><Anchor size="sm" component={Link} to={libraryUrl(project, `id == ${row.id}`)}>{row.name}</Anchor></Table.Td>
                <Table.Td className="number">{formatColumn(column, row.value)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  );
}
