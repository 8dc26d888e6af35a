import { Title, VisuallyHidden } from "@mantine/core";
import { Library as Page } from "@/components/Library/Library";
import { useProjectKey } from "@/hooks/useProject";

/** The project's images: table or gallery, filters, preview. */
export default function Library() {
  const project = useProjectKey();
  return (
    <>
      <VisuallyHidden>
        <Title order={1}>Library</Title>
      </VisuallyHidden>
      <Page key={project} project={project} />
    </>
  );
}
