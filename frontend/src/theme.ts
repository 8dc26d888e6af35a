import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const ice: MantineColorsTuple = [
  "#e6f4fb", "#cfe6f3", "#a0cde7", "#6db2da", "#4499cc", "#2a8ac4", "#187fbb", "#0b6e99", "#085d83", "#044a6a",
];

/** Colour-blind-safe colours for data (Okabe and Ito 2008); never the only sign of anything. */
export const DATA_COLOURS = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#7f7f7f",
] as const;

/** Colours of flags on items. */
export const FLAG_COLOURS: Record<string, string> = {
  red: "#d55e00", green: "#009e73", blue: "#0072b2", gold: "#e6b000",
};

/** Words in colour that can be read on the light grounds of the page (at least 4.5 to 1). */
export const cssVariablesResolver: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  dark: {},
  light: {
    "--mantine-color-teal-text": "#07724f",
    "--mantine-color-green-text": "#237032",
    "--mantine-color-blue-text": colors.blue[9],
    "--mantine-color-red-text": colors.red[9],
    "--mantine-color-orange-text": "#a83f0c",
    "--mantine-color-yellow-text": "#8a5a00",
  },
});

export const theme = createTheme({
  primaryColor: "ice",
  primaryShade: 7,
  colors: { ice },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "19px" },
  defaultRadius: "sm",
  cursorType: "pointer",
  autoContrast: true,
  luminanceThreshold: 0.18, // here black and white letters are read equally well (4.6 to 1)
  headings: { sizes: { h1: { fontSize: "20px" }, h2: { fontSize: "16px" }, h3: { fontSize: "14px" } }, fontWeight: "600" },
});
