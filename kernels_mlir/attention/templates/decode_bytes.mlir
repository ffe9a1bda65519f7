{#- Scores of decode.mlir for keys in 8 bits, by products of bytes (`vpdpbusd`).

A word of the query is `256 * high + low`, both signed bytes; a key counts as `key + 128`, which is
unsigned. So a sum begins with what the 128 add, negated. Vectors hold `heads_each` heads of the query
one after another, `byte_channels` channels of each: a row of keys is read once for all of them, and
lanes are added up within a head only. `batch_keys` keys have two sums each in registers at a
time; more than two vectors of scores at once were slower.
-#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_index.mlir' import for_each_head with context -%}
{%- from 'decode_place.mlir' import prefetch with context -%}
{%- set bytes = 'vector<%dxi8>' % (4 * lanes) -%}
{%- set byte_channels = 4 * lanes // heads_each -%}
{%- set byte_lines = (depth + byte_channels - 1) // byte_channels -%}
{%- set batch_keys = [8, 2 * keys_each] | min -%}
{%- set step_keys = [batch_keys, keys_each] | max -%}
{%- set vectors = step_keys // keys_each -%}
{%- set fitting = namespace(n=1) -%}
{%- for n in range(2, 9) if byte_lines % n == 0 %}{% set fitting.n = n %}{% endfor -%}
{%- set lines_each = fitting.n if depth % byte_channels == 0 else 1 -%}
{%- set few = [byte_channels, 32] | min -%}
{%- macro byte_constants() %}
      {{- constant('byte_lines', byte_lines) }}
      {{- constant('byte_lines_each', lines_each) }}
      {{- constant('step_keys', step_keys) }}
      {{- constant('byte_reads', byte_lines * (byte_channels // few)) }}
      %sign = arith.constant dense<-128> : {{ bytes }}
      %shift_high = arith.constant dense<8> : !i
      %half_low = arith.constant dense<128> : vector<{{ few }}xi32>
      %shift_few = arith.constant dense<8> : vector<{{ few }}xi32>
      %magic_few = arith.constant dense<1.2582912e7> : vector<{{ few }}xf32>
{%- endmacro -%}
{%- macro byte_pointer(name, index) %}
              %{{ name }}_i64 = arith.index_cast {{ index }} : index to i64
              %{{ name }} = llvm.getelementptr %own_base[%{{ name }}_i64] : (!llvm.ptr, i64) -> !llvm.ptr, i8
{%- endmacro -%}
{%- macro query_bytes() %}
            %q_inverses_few = vector.broadcast %q_inverse : f32 to vector<{{ few }}xf32>
            {{- at('q_lane', 'a mod %d * %d' | format(heads_each, byte_channels), '%h') }}
            {{- at('q_byte0', '(a + b floordiv %d * %d) * %d + c' | format(heads_each, heads_each * d_lines, 4 * lanes), '%q_slot', '%h', '%q_lane') }}
            scf.for %line = %c0 to %byte_reads step %c1 {
              {{- at('d', 'a * %d' | format(few), '%line') }}
              %q_e = vector.transfer_read %qs[%q_row, %d], %zero_{{ element }} {in_bounds = [{{ 'true' if depth % byte_channels == 0 else 'false' }}]} : memref<?x{{ depth }}x{{ element }}>, vector<{{ few }}x{{ element }}>
              %q = arith.extf %q_e : vector<{{ few }}x{{ element }}> to vector<{{ few }}xf32>
              %q_near = math.fma %q, %q_inverses_few, %magic_few : vector<{{ few }}xf32>
              %q_bits = arith.bitcast %q_near : vector<{{ few }}xf32> to vector<{{ few }}xi32>
              %q_more = arith.addi %q_bits, %half_low : vector<{{ few }}xi32>
              %q_upper = arith.shrui %q_more, %shift_few : vector<{{ few }}xi32>
              %q_high = arith.trunci %q_upper : vector<{{ few }}xi32> to vector<{{ few }}xi8>
              %q_low = arith.trunci %q_bits : vector<{{ few }}xi32> to vector<{{ few }}xi8>
              {{- at('q_byte', 'a + b floordiv %d * %d + b mod %d' | format(byte_channels, 8 * lanes, byte_channels), '%q_byte0', '%d') }}
              {{- byte_pointer('q_to', '%q_byte') }}
              llvm.store %q_high, %q_to : vector<{{ few }}xi8>, !llvm.ptr
              %q_to_low = llvm.getelementptr %q_to[{{ 4 * lanes }}] : (!llvm.ptr) -> !llvm.ptr, i8
              llvm.store %q_low, %q_to_low : vector<{{ few }}xi8>, !llvm.ptr
            }
{%- endmacro -%}
{%- macro product_of_bytes(name, sum, left, right) %}
                %{{ name }} = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"({{ sum }}, {{ left }}, {{ right }}) : (!i, {{ bytes }}, {{ bytes }}) -> !i
{%- endmacro -%}
{%- macro read_query_bytes(line) %}
{%- for part in ('high', 'low') %}
                {{- at('q_at_%s%d' | format(part, line), 'a + b * 2 + %d' | format(loop.index0 + 2 * line), '%q_tile', '%line0') }}
                %q_{{ part }}_f{{ line }} = vector.load %own[%q_at_{{ part }}{{ line }}, %c0] : !lines, !f
                %q_{{ part }}{{ line }} = vector.bitcast %q_{{ part }}_f{{ line }} : !f to {{ bytes }}
{%- endfor %}
{%- endmacro -%}
{%- macro query_offsets() %}
            // What the 128 of each key add to the sums, negated.
            {{- at('q_tile', 'a + b * %d' | format(heads_each * d_lines), '%q_slot', '%tile') }}
            %offset:2 = scf.for %line0 = %c0 to %byte_lines step %c1 iter_args(%a_high = %zero_i, %a_low = %zero_i) -> (!i, !i) {
              {{- read_query_bytes(0) }}
              {{- product_of_bytes('n_high', '%a_high', '%sign', '%q_high0') }}
              {{- product_of_bytes('n_low', '%a_low', '%sign', '%q_low0') }}
              scf.yield %n_high, %n_low : !i, !i
            }
            %offset_high = arith.shli %offset#0, %shift_high : !i
            %offset_sum = arith.addi %offset_high, %offset#1 : !i
            %offset_less = arith.subi %zero_i, %offset_sum : !i
            %offset_f = arith.bitcast %offset_less : !i to !f
            %offset_line = arith.addi %offset_slot, %tile : index
            vector.store %offset_f, %own[%offset_line, %c0] : !lines, !f
{%- endmacro -%}
{%- macro fetch_part(first, line) %}
                {#- A part of the keys that come next, as large as what is read of the keys of a batch -#}
{%- set name = 'fetched%d_%d' % (first, line) %}{% set part = batch_keys * byte_channels %}
                {{- at(name, 'a + (b + c) * %d + d * %d + %d' | format(depth, part, first * depth + line * part), '%k_base', '%row_ahead', '%i', '%line0') }}
                {{- prefetch(name, '%' ~ name, part) }}
{%- endmacro -%}
{%- macro sums_of_bytes(first) %}
              // %w0_k: the sums of key k, those of a head in `keys_each` lanes.
              %both{{ first }}:{{ 2 * batch_keys }} = scf.for %line0 = %c0 to %byte_lines step %byte_lines_each iter_args({% for j in range(batch_keys) %}%high0_{{ j }} = %zero_i, %low0_{{ j }} = %offset{{ ', ' if not loop.last }}{% endfor %}) -> ({% for j in range(2 * batch_keys) %}!i{{ ', ' if not loop.last }}{% endfor %}) {
                {{- at('d0', 'a * %d' | format(byte_channels), '%line0') }}
                %d0_i64 = arith.index_cast %d0 : index to i64
                %k_line = llvm.getelementptr %k_step[%d0_i64] : (!llvm.ptr, i64) -> !llvm.ptr, i8
{%- for line in range(lines_each) %}
                {{- read_query_bytes(line) }}
                {{- fetch_part(first, line) }}
{%- for j in range(batch_keys) %}{% set name = 'k%d_%d' | format(line, j) %}
{%- if depth % byte_channels == 0 %}
                %{{ name }}_at = llvm.getelementptr %k_line[{{ (first + j) * depth + line * byte_channels }}] : (!llvm.ptr) -> !llvm.ptr, i8
                %{{ name }}_e = "llvm.load"(%{{ name }}_at) <{alignment = 1 : i64, ordering = 0 : i64}> : (!llvm.ptr) -> vector<{{ byte_channels }}xi8>
{%- else %}
                {{- at(name ~ '_row', 'a + b + %d' | format(first + j), '%row0', '%i') }}
                %{{ name }}_e = vector.transfer_read %ks[%{{ name }}_row, %d0], %zero_i8 {in_bounds = [false]} : memref<?x{{ depth }}xi8>, vector<{{ byte_channels }}xi8>
{%- endif %}
                %{{ name }}_all = vector.shuffle %{{ name }}_e, %{{ name }}_e [{% for i in range(4 * lanes) %}{{ i % byte_channels }}{{ ', ' if not loop.last }}{% endfor %}] : vector<{{ byte_channels }}xi8>, vector<{{ byte_channels }}xi8>
                %{{ name }} = arith.xori %{{ name }}_all, %sign : {{ bytes }}
{%- for part in ('high', 'low') %}
                {{- product_of_bytes('%s%d_%d' | format(part, line + 1, j), '%%%s%d_%d' | format(part, line, j), '%' ~ name, '%%q_%s%d' | format(part, line)) }}
{%- endfor %}
{%- endfor %}
{%- endfor %}
                scf.yield {% for j in range(batch_keys) %}%high{{ lines_each }}_{{ j }}, %low{{ lines_each }}_{{ j }}{{ ', ' if not loop.last }}{% endfor %} : {% for j in range(2 * batch_keys) %}!i{{ ', ' if not loop.last }}{% endfor %}
              }
{%- for j in range(batch_keys) %}
              %upper{{ first + j }} = arith.shli %both{{ first }}#{{ 2 * j }}, %shift_high : !i
              %w0_{{ first + j }} = arith.addi %upper{{ first + j }}, %both{{ first }}#{{ 2 * j + 1 }} : !i
{%- endfor %}
{%- endmacro -%}
{%- macro added_up(v) %}
              // Lane k * heads_each + h of %sum is the sum of the lanes of head h of key k.
{%- for k in range(keys_each) %}
              %v{{ v }}_0_{{ k }} = arith.bitcast %w0_{{ v * keys_each + k }} : !i to !i
{%- endfor %}
{%- set s = namespace(n=keys_each, stage=0) %}
{%- for _ in range(5) if s.n > 1 %}{% set half = s.n // 2 %}{% set name = 'v%d_%d' | format(v, s.stage) %}
{%- for i in range(half) %}
{%- for high in range(2) %}
              %{{ name }}_{{ i }}_{{ high }} = vector.shuffle %{{ name }}_{{ i }}, %{{ name }}_{{ i + half }} [
              {%- for l in range(lanes) %}{% set p = l % heads_each * keys_each + l // heads_each if half == 1 else l %}{% set q = p // s.n %}{% set in = p % s.n %}{{ (lanes if in >= half else 0) + q * s.n + in % half + high * half }}{{ ', ' if not loop.last }}{% endfor %}] : !i, !i
{%- endfor %}
              %v{{ v }}_{{ s.stage + 1 }}_{{ i }} = arith.addi %{{ name }}_{{ i }}_0, %{{ name }}_{{ i }}_1 : !i
{%- endfor %}
{%- set s.n = half %}{% set s.stage = s.stage + 1 %}
{%- endfor %}
              %sum{{ v }} = arith.sitofp %v{{ v }}_{{ s.stage }}_0 : !i to !f
{%- endmacro -%}
{%- macro scores_of_bytes() %}
            %top_b = scf.for %i = %c0 to %here step %step_keys iter_args(%x0 = %top_a) -> (!f) {
              {{- at('k_at', 'a + (b + c) * %d' | format(depth), '%k_base', '%row0', '%i') }}
              %k_i64 = arith.index_cast %k_at : index to i64
              %k_step = llvm.inttoptr %k_i64 : i64 to !llvm.ptr
{%- for first in range(0, step_keys, batch_keys) %}
              {{- sums_of_bytes(first) }}
{%- endfor %}
              %i_from = arith.subi %before, %i : index
              %i_until = arith.subi %seen, %i : index
              %from_i32 = arith.index_cast %i_from : index to i32
              %until_i32 = arith.index_cast %i_until : index to i32
              %froms = vector.broadcast %from_i32 : i32 to !i
              %untils = vector.broadcast %until_i32 : i32 to !i
{%- for v in range(vectors) %}
              {{- added_up(v) }}
              {{- at('scale_at%d' | format(v), 'a + b + %d' | format(v * keys_each), '%row0', '%i') }}
              %ksc_few{{ v }} = vector.load %kscs[%scale_at{{ v }}] : memref<?xf32>, vector<{{ keys_each }}xf32>
              {{- for_each_head('ksc%d' | format(v), '%%ksc_few%d' | format(v), 'f32') }}
              %sum_k{{ v }} = arith.mulf %sum{{ v }}, %ksc{{ v }} : !f
              %score_s{{ v }} = arith.mulf %sum_k{{ v }}, %factors : !f
{%- if soft_cap %}
              %score_d{{ v }} = arith.mulf %score_s{{ v }}, %cap_inverse : !f
              %score_t{{ v }} = func.call @row_tanh(%score_d{{ v }}) : (!f) -> !f
              %score{{ v }} = arith.mulf %score_t{{ v }}, %cap : !f
{%- else %}
              %score{{ v }} = arith.bitcast %score_s{{ v }} : !f to !f
{%- endif %}
              %lane_key{{ v }} = arith.constant dense<[{% for l in range(lanes) %}{{ l // heads_each + v * keys_each }}{{ ', ' if not loop.last }}{% endfor %}]> : !i
              %after{{ v }} = arith.cmpi sge, %lane_key{{ v }}, %froms : !i
              %until{{ v }} = arith.cmpi slt, %lane_key{{ v }}, %untils : !i
              %inside{{ v }} = arith.andi %after{{ v }}, %until{{ v }} : !mask
              %s{{ v }} = arith.select %inside{{ v }}, %score{{ v }}, %none : !mask, !f
              {{- at('s_to%d' | format(v), 'a + b floordiv %d + %d' | format(keys_each, v), '%s_line0', '%i') }}
              vector.store %s{{ v }}, %own[%s_to{{ v }}, %c0] : !lines, !f
              %more{{ v }} = arith.cmpf ogt, %s{{ v }}, %x{{ v }} : !f
              %x{{ v + 1 }} = arith.select %more{{ v }}, %s{{ v }}, %x{{ v }} : !mask, !f
{%- endfor %}
              scf.yield %x{{ vectors }} : !f
            }
{%- endmacro -%}
