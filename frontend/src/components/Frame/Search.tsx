import { Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import { IconSearch } from "@tabler/icons-react";
import { useMemo } from "react";
import { useLocation, useNavigate } from "react-router";
import { useProjects } from "@/hooks/useProject";
import { PAGES } from "./pages";

/** Ctrl+K: pages and projects by name. */
export function Search() {
  const navigate = useNavigate();
  const project = useLocation().pathname.match(/^\/p\/([^/]+)/)?.[1];
  const projects = useProjects().data;
  const actions = useMemo(() => {
    const pages: SpotlightActionData[] = project
      ? PAGES.map(({ path, label, icon: Icon }) => ({
          id: path,
          label,
          leftSection: <Icon size={18} aria-hidden />,
          onClick: () => void navigate(`/p/${project}/${path}`),
        }))
      : [];
    const others = (projects ?? []).map((entry) => ({
      id: `project-${entry.key}`,
      label: String(entry.brief.title ?? entry.key),
      description: entry.folder,
      onClick: () => void navigate(`/p/${entry.key}/session`),
    }));
    return [...pages, ...others];
  }, [navigate, project, projects]);
  return (
    <Spotlight
      actions={actions}
      shortcut={["mod + K"]}
      nothingFound="Nothing of that name"
      highlightQuery
      limit={12}
      searchProps={{ leftSection: <IconSearch size={18} />, placeholder: "Pages, projects, jobs, images …", "aria-label": "Search" }}
    />
  );
}
