import { ActionIcon, Anchor, Button, Kbd, Menu, Text, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { spotlight } from "@mantine/spotlight";
import { IconChevronDown, IconMoon, IconSearch, IconSun, IconUser } from "@tabler/icons-react";
import { Link, useLocation, useNavigate } from "react-router";
import { useMe } from "@/hooks/useMe";
import { useProjects } from "@/hooks/useProject";

/** Name, project switcher, search, colour scheme, user. */
export function TopBar({ project }: { project?: string }) {
  const me = useMe().data;
  return (
    <>
      <Anchor component={Link} to="/" underline="never" aria-label="All projects" style={{ display: "flex", alignItems: "center", gap: 8 }}>
        <img src="/icon.svg" width={24} height={24} alt="" />
        <Text fw={600} c="var(--mantine-color-text)" visibleFrom="xs">
          Vitreous
        </Text>
      </Anchor>
      {project && <Switcher project={project} />}
      <div style={{ flex: 1 }} />
      <Button
        variant="default"
        size="compact-md"
        leftSection={<IconSearch size={15} />}
        rightSection={<Kbd size="xs">Ctrl K</Kbd>}
        onClick={() => spotlight.open()}
        visibleFrom="sm"
      >
        Search
      </Button>
      <ActionIcon variant="subtle" hiddenFrom="sm" aria-label="Search" onClick={() => spotlight.open()}>
        <IconSearch size={18} />
      </ActionIcon>
      <SchemeButton />
      {me && (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={`Signed in as ${me.name}`}>
              <IconUser size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>
              {me.name}
              {me.role ? `, ${me.role}` : ""}
            </Menu.Label>
            <Menu.Item component={Link} to="/settings">
              Server and account
            </Menu.Item>
            <Menu.Item component={Link} to="/login?out=1">
              Sign out
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

/** From one project to another, staying on the same page. */
function Switcher({ project }: { project: string }) {
  const projects = useProjects().data ?? [];
  const navigate = useNavigate();
  const page = useLocation().pathname.split("/")[3] ?? "session";
  const current = projects.find((entry) => entry.key === project);
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button variant="subtle" size="compact-md" rightSection={<IconChevronDown size={14} />} aria-label="Switch project" style={{ minWidth: 0 }}>
          <Text truncate maw={{ base: 140, sm: 320 }} fw={500} size="sm">
            {String(current?.brief.title ?? project)}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {projects.map((entry) => (
          <Menu.Item key={entry.key} onClick={() => void navigate(`/p/${entry.key}/${page}`)} fw={entry.key === project ? 600 : undefined}>
            {String(entry.brief.title ?? entry.key)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item component={Link} to="/">
          All projects
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const label = dark ? "Light colours" : "Dark colours";
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} onClick={() => setColorScheme(dark ? "light" : "dark")}>
        {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
