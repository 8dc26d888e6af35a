import { useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import {
  IconAdjustments, IconFileReport, IconMoon, IconPhoto, IconPlayerPlay, IconPlayerStop, IconPlus, IconSearch, IconTopologyStar3,
} from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { asFault, client, need } from "@/client/client";
import { useProjectState } from "@/client/live";
import { showFault } from "@/components/Fault/Fault";
import { libraryUrl } from "@/components/Results/results";
import { tell } from "@/hooks/useAction";
import { useMayChange, useProjects } from "@/hooks/useProject";
import { PAGES } from "./pages";

const ICON = 18;

/** Ctrl+K: pages, jobs, images, settings, actions and projects by a few letters. */
export function Search() {
  const [query, setQuery] = useState("");
  const project = useLocation().pathname.match(/^\/p\/([^/]+)/)?.[1];
  const found = useFound(project, query);
  const fixed = useFixed(project);
  const actions = useMemo(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (entry: SpotlightActionData) =>
      words.every((word) => `${entry.label} ${entry.description ?? ""} ${String(entry.keywords ?? "")}`.toLowerCase().includes(word));
    const groups = fixed.map((group) => ({ ...group, actions: group.actions.filter(fits) }));
    return [...groups.slice(0, 1), ...found, ...groups.slice(1)].filter((group) => group.actions.length > 0);
  }, [fixed, found, query]);
  return (
    <Spotlight
      actions={actions}
      shortcut={["mod + K"]}
      query={query}
      onQueryChange={setQuery}
      filter={(_query, entries) => entries}
      nothingFound="Nothing of that name"
      highlightQuery
      limit={40}
      scrollable
      maxHeight="60vh"
      searchProps={{
        leftSection: <IconSearch size={ICON} />,
        placeholder: project ? "Jobs, images, settings, actions, pages …" : "Projects …",
        "aria-label": "Search",
      }}
    />
  );
}

/** What the server finds in the project. */
function useFound(project: string | undefined, query: string): SpotlightActionGroupData[] {
  const navigate = useNavigate();
  const [asked] = useDebouncedValue(query.trim(), 120);
  const { data } = useQuery({
    queryKey: ["search", project, asked],
    enabled: project !== undefined && asked.length > 0,
    placeholderData: keepPreviousData,
    queryFn: () =>
      need(client.GET("/api/projects/{project}/search", { params: { path: { project: project! }, query: { q: asked, limit: 8 } } })),
  });
  return useMemo(() => {
    if (!data || !project || !query.trim()) return [];
    const go = (place: string) => () => void navigate(`/p/${project}/${place}`);
    const jobs = data.jobs.map((job) => ({
      id: `job-${job.id}`, label: `J${job.id} ${job.title}`, description: job.type,
      leftSection: <IconTopologyStar3 size={ICON} aria-hidden />, onClick: go(`workflow?job=${job.id}`),
    }));
    const images = data.images.map((image) => ({
      id: `image-${image.id}`, label: image.name, description: `image #${image.id} in ${image.group}`,
      leftSection: <IconPhoto size={ICON} aria-hidden />, onClick: () => void navigate(libraryUrl(project, `id == ${image.id}`)),
    }));
    if (data.more_images) {
      images.push({
        id: "image-more", label: "More images …", description: `all whose name contains ${asked}, in the library`,
        leftSection: <IconPhoto size={ICON} aria-hidden />,
        onClick: () => void navigate(libraryUrl(project, `name.contains(${JSON.stringify(asked)})`)),
      });
    }
    const settings = data.settings.map((setting) => ({
      id: `setting-${setting.name}`, label: setting.name.replace(/_/g, " "),
      description: `${setting.meaning}${setting.value === null ? "" : `: ${String(setting.value)}`}`,
      leftSection: <IconAdjustments size={ICON} aria-hidden />, onClick: go(`settings?field=${setting.name}`),
    }));
    return [
      { group: "Jobs", actions: jobs },
      { group: "Images", actions: images },
      { group: "Settings", actions: settings },
    ];
  }, [asked, data, navigate, project, query]);
}

/** What is always there: pages, actions, projects. */
function useFixed(project: string | undefined): { group: string; actions: SpotlightActionData[] }[] {
  const navigate = useNavigate();
  const projects = useProjects().data;
  const doing = useDoing(project);
  return useMemo(() => {
    const pages = project
      ? PAGES.map(({ path, label, icon: Icon }) => ({
          id: `page-${path}`, label, leftSection: <Icon size={ICON} aria-hidden />,
          onClick: () => void navigate(`/p/${project}/${path}`),
        }))
      : [];
    const others = (projects ?? []).map((entry) => ({
      id: `project-${entry.key}`, label: String(entry.brief.title ?? entry.key), description: entry.folder,
      onClick: () => void navigate(`/p/${entry.key}/session`),
    }));
    return [
      { group: "Pages", actions: pages },
      { group: "Actions", actions: doing },
      { group: "Projects", actions: others },
    ];
  }, [doing, navigate, project, projects]);
}

function useDoing(project: string | undefined): SpotlightActionData[] {
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const may = useMayChange(project ?? "");
  const running = useProjectState(project ?? "")?.engine === "running";
  return useMemo(() => {
    const found: SpotlightActionData[] = [];
    if (project && may) {
      found.push({
        id: "add-job", label: "Add a job", description: "choose a job type in the workflow", leftSection: <IconPlus size={ICON} aria-hidden />,
        onClick: () => void navigate(`/p/${project}/workflow?add=1`),
      });
      found.push(
        running
          ? { id: "stop", label: "Stop the engine", description: "after what is under way", leftSection: <IconPlayerStop size={ICON} aria-hidden />, onClick: () => void engine(project, "stop") }
          : { id: "start", label: "Start the engine", description: "work on what waits", leftSection: <IconPlayerPlay size={ICON} aria-hidden />, onClick: () => void engine(project, "start") },
      );
    }
    if (project) {
      found.push({
        id: "report", label: "Report of the session", description: "HTML or PDF", leftSection: <IconFileReport size={ICON} aria-hidden />,
        onClick: () => void navigate(`/p/${project}/export`),
      });
    }
    found.push({
      id: "colours", label: dark ? "Light colours" : "Dark colours", keywords: "dark mode light theme", leftSection: <IconMoon size={ICON} aria-hidden />,
      onClick: () => setColorScheme(dark ? "light" : "dark"),
    });
    return found;
  }, [dark, may, navigate, project, running, setColorScheme]);
}

async function engine(project: string, what: "start" | "stop"): Promise<void> {
  const path = { path: { project } };
  try {
    if (what === "start") await need(client.POST("/api/projects/{project}/engine/start", { params: path, body: {} }));
    else await need(client.POST("/api/projects/{project}/engine/stop", { params: path, body: { now: false } }));
    tell(what === "start" ? "The engine starts" : "The engine ends after what is under way");
  } catch (error) {
    showFault(asFault(error));
  }
}
