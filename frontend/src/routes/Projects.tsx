import { ProjectsPage } from "@/components/Project/ProjectsPage";

/** All projects of the server. */
export default function Projects() {
  return <ProjectsPage />;
}
