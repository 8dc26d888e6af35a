import { Card, Group, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { useProjects } from "@/hooks/useProject";

/** All projects of the server. */
export default function Projects() {
  const { data, error, refetch } = useProjects();
  if (error) return <Fault error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={120} m="md" />;
  if (data.length === 0) return <Empty title="No project yet" />;
  return (
    <Stack p="md">
      <Title order={1}>Projects</Title>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {data.map((project) => (
          <Card key={project.key} withBorder component={Link} to={`/p/${project.key}/session`}>
            <Group justify="space-between">
              <Text fw={600}>{String(project.brief.title ?? project.key)}</Text>
            </Group>
            <Text size="sm" c="dimmed">
              {project.folder}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
    </Stack>
  );
}
