// What is known of a component or a particle: its colour, and in alpha whether it is hidden, shown or highlighted.

uniform sampler2D table;

const uint SLICES = 0xFFFFFF00u;

vec4 entry(uint number) { return texelFetch(table, ivec2(int(number & 4095u), int(number >> 12)), 0); }

bool hidden(uint number) { return entry(number).a < 0.25; }
