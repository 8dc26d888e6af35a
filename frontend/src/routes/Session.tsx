import { SessionPage } from "@/components/Session/SessionPage";
import { useProjectKey } from "@/hooks/useProject";

/** How the session is just now, and how it went. */
export default function Session() {
  const project = useProjectKey();
  return <SessionPage key={project} project={project} />;
}
