/** The pages of a project, in the order of the rail. */
import {
  IconChartHistogram, IconFileExport, IconListDetails, IconPhoto, IconReportAnalytics, IconSettings, IconSitemap,
} from "@tabler/icons-react";

export const PAGES = [
  { path: "session", label: "Session", icon: IconChartHistogram },
  { path: "library", label: "Library", icon: IconPhoto },
  { path: "workflow", label: "Workflow", icon: IconSitemap },
  { path: "queue", label: "Queue", icon: IconListDetails },
  { path: "results", label: "Results", icon: IconReportAnalytics },
  { path: "export", label: "Export", icon: IconFileExport },
  { path: "settings", label: "Settings", icon: IconSettings },
] as const;
