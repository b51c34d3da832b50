import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as table from '@grafana/grafana-foundation-sdk/table';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/**
 * A dashboard as Grafana's own schema has it, of what ours uses: panels of three kinds that ask Prometheus. The types of
 * the Foundation SDK are made of the schemas in Grafana's sources; here they are put together by kind of panel, and read
 * as JSON is written.
 */
export interface GrafanaDashboard extends Omit<Written<dashboard.Dashboard>, 'panels' | 'id'> {
  readonly panels: readonly (
    | Written<dashboard.RowPanel>
    | Panel<'stat', stat.Options, never>
    | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
    | Panel<'table', table.Options, table.FieldConfig>
  )[];
}

interface Panel<Type extends string, Options, Custom>
  extends Omit<Written<dashboard.Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> {
  readonly type: Type;
  // Grafana fills in what is not said.
  readonly options: Sparse<Written<Options>>;
  readonly fieldConfig: Omit<Written<dashboard.FieldConfigSource>, 'defaults'> & {
    readonly defaults: Omit<Written<dashboard.FieldConfig>, 'custom'> & { readonly custom?: Sparse<Written<Custom>> };
  };
  readonly targets: readonly Written<prometheus.Dataquery>[];
}

/** The words of an enumeration are texts in JSON, and nothing has a method. */
type Written<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Element)[]
    ? readonly Written<Element>[]
    : T extends object
      ? { readonly [Key in keyof T as T[Key] extends () => void ? never : Key]: Written<T[Key]> }
      : T;

type Sparse<T> = T extends readonly unknown[] ? T : T extends object ? { [Key in keyof T]?: Sparse<T[Key]> } : T;
