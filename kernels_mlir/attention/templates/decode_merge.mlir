{#- The second dispatch of decode.mlir: it merges the items of a sequence. -#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_index.mlir' import bindings, bound, most_keys, number, numbered, power, power_constants, repeated, sizes, span with context -%}
#merge_layout = #hal.pipeline.layout<constants = 4, bindings = {{ bindings(merge_inputs | length + 1, merge_inputs | length) }}>

hal.executable.source private @decode_merge {
  hal.executable.export public @decode_merge ordinal(0) layout(#merge_layout) count(%device: !hal.device, %workers: index) -> (index, index, index) {
    %one = arith.constant 1 : index
    hal.return %workers, %one, %one : index, index, index
  }
  builtin.module {
    func.func @decode_merge() {
      {{- sizes() }}
{%- for name in ('batch', 'width', 'blocks', 'part_all') %}
      {{- number(name, loop.index0, '#merge_layout') }}
{%- endfor %}
      {{- constant('heads', kv_heads * group) }}
      {{- constant('group', group) }}
      {{- constant('heads_each', heads_each) }}
      {{- power_constants() }}
      %lowest = arith.constant 0xFF7FFFFF : f32
      {{- most_keys() }}
      %q_rows = arith.muli %batch, %heads : index
{%- set merge_types = {'parts': ('!lines', '%part_all'), 'lengths': ('memref<?x%s>' % length, '%batch'), 'sinks': ('memref<%dx%s>' % (kv_heads * group, sinks), '')} %}
{%- for name in merge_inputs %}
      {{- bound(name, merge_types[name][0], loop.index0, '#merge_layout', merge_types[name][1]) }}
{%- endfor %}
      {{- bound('ys', 'memref<?x%dx%s>' | format(depth, element), merge_inputs | length, '#merge_layout', '%q_rows') }}
      %worker = hal.interface.workgroup.id[0] : index
      %workers = hal.interface.workgroup.count[0] : index
      {{- at('worker_next', 'a + 1', '%worker') }}
      %first_of = arith.muli %worker, %q_rows : index
      %end_of = arith.muli %worker_next, %q_rows : index
      %first = arith.divui %first_of, %workers : index
      %end = arith.divui %end_of, %workers : index
      %all = scf.for %b = %c0 to %batch step %c1 iter_args(%base = %c0) -> (index) {
        {{- span() }}
        %base_next = arith.addi %base, %count : index
        %row_base = arith.muli %b, %heads : index
        %row_next = arith.addi %row_base, %heads : index
        %row_first = arith.maxsi %first, %row_base : index
        %row_end = arith.minsi %end, %row_next : index
        scf.for %row = %row_first to %row_end step %c1 {
          %h = arith.subi %row, %row_base : index
          %kh = arith.divui %h, %group : index
          %in_group = arith.remui %h, %group : index
          %tile = arith.divui %in_group, %heads_each : index
          %in_tile = arith.remui %in_group, %heads_each : index
          %before = arith.muli %kh, %chunks : index
          %item0 = arith.addi %base, %before : index
          {{- at('line0', 'a * %d + b * %d' | format(part_lines, tile_lines), '%item0', '%tile') }}
          {{- at('m_line0', 'a + %d' | format(heads_each * d_lines), '%line0') }}
          {{- at('o_line0', 'a + b * %d' | format(d_lines), '%line0', '%in_tile') }}
          %top_keys = scf.for %c = %c0 to %chunks step %c1 iter_args(%x = %lowest) -> (f32) {
            {{- at('m_line', 'a + b * %d' | format(part_lines), '%m_line0', '%c') }}
            %m = memref.load %parts[%m_line, %in_tile] : !lines
            %more = arith.cmpf ogt, %m, %x : f32
            %x_new = arith.select %more, %m, %x : f32
            scf.yield %x_new : f32
          }
{%- if sinks %}
          // A sink is a score without a key: a part of the sum, and nothing else.
{%- if sinks == 'f32' %}
          %sink = memref.load %sinks[%h] : memref<{{ kv_heads * group }}xf32>
{%- else %}
          %sink_e = memref.load %sinks[%h] : memref<{{ kv_heads * group }}x{{ sinks }}>
          %sink = arith.extf %sink_e : {{ sinks }} to f32
{%- endif %}
          %sink_more = arith.cmpf ogt, %sink, %top_keys : f32
          %top = arith.select %sink_more, %sink, %top_keys : f32
          %sink_less = arith.subf %sink, %top : f32
          %sink_each = vector.broadcast %sink_less : f32 to !f
          {{- power('l_first', '%sink_each') }}
{%- else %}
          %top = arith.bitcast %top_keys : f32 to f32
          %l_first = arith.constant dense<0.0> : !f
{%- endif %}
          %acc:{{ out_lines + 1 }} = scf.for %c = %c0 to %chunks step %c1 iter_args(%l = %l_first, {{ numbered(out_lines, '%a', ' = %zero') }}) -> (!f, {{ repeated(out_lines, '!f') }}) {
            {{- at('m_line', 'a + b * %d' | format(part_lines), '%m_line0', '%c') }}
            {{- at('l_line', 'a + 1', '%m_line') }}
            {{- at('o_line', 'a + b * %d' | format(part_lines), '%o_line0', '%c') }}
            %m = memref.load %parts[%m_line, %in_tile] : !lines
            %less = arith.subf %m, %top : f32
            %less_each = vector.broadcast %less : f32 to !f
            {{- power('w', '%less_each') }}
            %l_one = memref.load %parts[%l_line, %in_tile] : !lines
            %l_each = vector.broadcast %l_one : f32 to !f
            %l_new = math.fma %l_each, %w, %l : !f
{%- for i in range(out_lines) %}
            {{- at('o_at%d' | format(i), 'a + %d' | format(i), '%o_line') }}
            %o{{ i }} = vector.load %parts[%o_at{{ i }}, %c0] : !lines, !f
            %n{{ i }} = math.fma %o{{ i }}, %w, %a{{ i }} : !f
{%- endfor %}
            scf.yield %l_new, {{ numbered(out_lines, '%n') }} : !f, {{ repeated(out_lines, '!f') }}
          }
          // A token that sees no key gets zeros.
          %no_keys = arith.cmpf oeq, %acc#0, %zero : !f
{%- for i in range(out_lines) %}
          %share{{ i }} = arith.divf %acc#{{ i + 1 }}, %acc#0 : !f
          %y{{ i }} = arith.select %no_keys, %zero, %share{{ i }} : !mask, !f
          {{- constant('d%d' | format(i), i * lanes) }}
{%- if element == 'f32' %}
          vector.transfer_write %y{{ i }}, %ys[%row, %d{{ i }}] {in_bounds = [{{ dfull }}]} : !f, memref<?x{{ depth }}xf32>
{%- else %}
          %e{{ i }} = arith.truncf %y{{ i }} : !f to vector<{{ lanes }}x{{ element }}>
          vector.transfer_write %e{{ i }}, %ys[%row, %d{{ i }}] {in_bounds = [{{ dfull }}]} : vector<{{ lanes }}x{{ element }}>, memref<?x{{ depth }}x{{ element }}>
{%- endif %}
{%- endfor %}
        }
        scf.yield %base_next : index
      }
      return
    }
  }
}
