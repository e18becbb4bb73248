#pragma once

typedef long long time_t;
