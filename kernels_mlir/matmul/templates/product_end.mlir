{#- The end of a product: bias, activation or gate, residual, and the dtype of the result. -#}
{%- set nfull = 'true' if n % (16 if gated else width) == 0 else 'false' -%}
{%- macro read(name, from, at, element) %}
{%- if element == 'f32' %}
          %{{ name }} = vector.transfer_read {{ from }}[{{ at }}], %pad_f32 {in_bounds = [{{ nfull }}]} : !{{ from[1:] }}, vector<16xf32>
{%- else %}
          %{{ name }}_e = vector.transfer_read {{ from }}[{{ at }}], %pad_{{ element }} {in_bounds = [{{ nfull }}]} : !{{ from[1:] }}, vector<16x{{ element }}>
          %{{ name }} = arith.extf %{{ name }}_e : vector<16x{{ element }}> to vector<16xf32>
{%- endif %}
{%- endmacro -%}
{%- macro constants() %}
      %pad_f32 = arith.constant 0.0 : f32
      %pad_bf16 = arith.constant 0.0 : bf16
      %pad_f16 = arith.constant 0.0 : f16
      %factor_at = arith.constant {{ n }} : index
{%- endmacro -%}
{#- 16 sums %a0 of a row, and %u0 of the factor of a gate, become elements of the result. -#}
{%- macro end_of(sums='%a0', factor='%u0', column='%column', zero='%zero') %}
{%- if bias %}
          {{- read('bias0', '%bias', column, bias_element) }}
          %a = arith.addf {{ sums }}, %bias0 : vector<16xf32>
{%- else %}
          %a = arith.addf {{ sums }}, {{ zero }} : vector<16xf32>
{%- endif %}
{%- if gated %}
{%- if bias %}
          %factor_column = arith.addi %factor_at, {{ column }} : index
          {{- read('bias1', '%bias', '%factor_column', bias_element) }}
          %u = arith.addf {{ factor }}, %bias1 : vector<16xf32>
{%- else %}
          %u = arith.addf {{ factor }}, {{ zero }} : vector<16xf32>
{%- endif %}
          %silu = func.call @row_gate(%a, %a) : (vector<16xf32>, vector<16xf32>) -> vector<16xf32>
          %z = arith.mulf %silu, %u : vector<16xf32>
{%- elif activation == 'silu' %}
          %z = func.call @row_gate(%a, %a) : (vector<16xf32>, vector<16xf32>) -> vector<16xf32>
{%- elif activation == 'gelu' %}
          %cdf = func.call @row_normal_cdf(%a) : (vector<16xf32>) -> vector<16xf32>
          %z = arith.mulf %a, %cdf : vector<16xf32>
{%- elif activation == 'gelu_tanh' %}
          // As a sigmoid: 1 + tanh loses all digits far below zero.
          %cube_factor = arith.constant dense<0.0713548162726> : vector<16xf32>
          %line_factor = arith.constant dense<1.59576912161> : vector<16xf32>
          %square = arith.mulf %a, %a : vector<16xf32>
          %slope = math.fma %square, %cube_factor, %line_factor : vector<16xf32>
          %inner_value = arith.mulf %slope, %a : vector<16xf32>
          %z = func.call @row_gate(%a, %inner_value) : (vector<16xf32>, vector<16xf32>) -> vector<16xf32>
{%- elif activation == 'relu' %}
          %z = arith.maximumf %a, {{ zero }} : vector<16xf32>
{%- else %}
          %z = arith.addf %a, {{ zero }} : vector<16xf32>
{%- endif %}
{%- if residual %}
          {{- read('rest', '%residual', '%row, ' ~ column, residual_element) }}
          %o = arith.addf %z, %rest : vector<16xf32>
{%- else %}
          %o = arith.addf %z, {{ zero }} : vector<16xf32>
{%- endif %}
{%- if element == 'f32' %}
          vector.transfer_write %o, %y[%row, {{ column }}] {in_bounds = [{{ nfull }}]} : vector<16xf32>, !y
{%- elif element == 'bf16' %}
          %on = func.call @row_narrow_bf16(%o) : (vector<16xf32>) -> vector<16xbf16>
          vector.transfer_write %on, %y[%row, {{ column }}] {in_bounds = [{{ nfull }}]} : vector<16xbf16>, !y
{%- else %}
          %on = arith.truncf %o : vector<16xf32> to vector<16xf16>
          vector.transfer_write %on, %y[%row, {{ column }}] {in_bounds = [{{ nfull }}]} : vector<16xf16>, !y
{%- endif %}
{%- endmacro -%}
{%- macro finish() %}
      {{- constants() }}
      %each = arith.constant {{ 2 if gated else 1 }} : index
      %vcount = arith.muli %bcount, %vectors : index
      %first_vector = arith.muli %block_first, %vectors : index
      scf.for %v = %c0 to %vcount step %each {
        %vector = arith.addi %first_vector, %v : index
        %column_vector = arith.divui %vector, %each : index
        %column = arith.muli %column_vector, %c16 : index
        %v_block = arith.divui %v, %vectors : index
        %v_in = arith.remui %v, %vectors : index
        %v_rows = arith.muli %v_block, %rows_each : index
        %v_at = arith.addi %own_sums, %v_in : index
        scf.for %r = %c0 to %mlen step %c1 {
          %row = arith.addi %m0, %r : index
          %v_row = arith.addi %v_rows, %r : index
          %row_at = arith.muli %v_row, %vectors : index
          %at = arith.addi %v_at, %row_at : index
          %a0 = vector.load %sums[%at, %c0] : !sums, vector<16xf32>
{%- if gated %}
          %at_factor = arith.addi %at, {{ '%c1' if vectors > 1 else '%rows_each' }} : index
          %u0 = vector.load %sums[%at_factor, %c0] : !sums, vector<16xf32>
{%- endif %}
          {{- end_of() }}
        }
      }
{%- endmacro -%}
