/** What the tests read of a dashboard of Grafana's. */
export interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly description?: string;
    readonly datasource?: unknown;
    readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
    readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource?: unknown }[];
  }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
}

/** Every query of panels and annotations, with what it is for. */
export function dashboardQueries({ panels, annotations }: Dashboard): { title: string; query: string }[] {
  return [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ refId, expr }) => ({ title: `${title} (${refId})`, query: expr })),
    ),
    ...annotations.list.map(({ name, expr }) => ({ title: name, query: expr })),
  ];
}

/** The series whose labels a variable lists: `label_values(series, label)`. */
export function variableSelectors({ templating }: Dashboard): string[] {
  return templating.list.flatMap(({ query }) => {
    const text = typeof query === 'string' ? query : query.query;
    return /^label_values\((.*), *\w+\)$/.exec(text)?.[1] ?? [];
  });
}

/** A query as Prometheus gets it, when Grafana has filled in how long. */
export function filledIn(query: string): string {
  return query.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '6h');
}
