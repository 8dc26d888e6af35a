import { Button, CopyButton, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import classes from "./Export.module.css";

/** The methods paragraph, to be copied into a paper. */
export function MethodsCard({ project }: { project: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["p", project, "methods"],
    queryFn: () => need(client.GET("/api/projects/{project}/methods", { params: { path: { project } } })),
  });
  return (
    <section className={classes.card} aria-labelledby="methods-title">
      <Title order={2} id="methods-title">Methods for a paper</Title>
      {error && <Fault error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton height={120} />}
      {data && (
        <>
          <Text size="sm" style={{ whiteSpace: "pre-wrap", maxHeight: 260, overflow: "auto" }} tabIndex={0}>{data}</Text>
          <CopyButton value={data}>
            {({ copied, copy }) => (
              <Button size="compact-md" variant="default" style={{ alignSelf: "flex-start" }} leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />} onClick={copy}>
                {copied ? "Copied" : "Copy the methods"}
              </Button>
            )}
          </CopyButton>
        </>
      )}
    </section>
  );
}
