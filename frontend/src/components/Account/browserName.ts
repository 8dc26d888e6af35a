/** "Firefox on Linux" from what a browser says of itself. */
export function browserName(agent: string | null): string {
  if (!agent) return "unknown";
  const browsers: [RegExp, string][] = [
    [/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"],
  ];
  const systems: [RegExp, string][] = [
    [/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/Linux/, "Linux"],
  ];
  const find = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find(browsers) ?? agent.split(/[\s/]/)[0]!;
  const system = find(systems);
  return system ? `${browser} on ${system}` : browser;
}
