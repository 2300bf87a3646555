"""Small words of English and Chinese that carry no picture: they join, place, deny, or ask politely.

Each is a text of words with blanks between them; `_` stands for a blank inside a phrase.
"""

from __future__ import annotations

STOP = """
a an the of to and with by is are was were be been being do does did it its this that these those there here
very really so as for from into onto through out off up down away along again while when where which who then
than please me my i you your we our us he she his her their they them can could would will shall let lets just
also both own at in want like show make create generate draw paint render animate produce give see watch look
video clip film movie picture image scene shot short nice view camera coloured colored colour color sized size
has have having full slightly quite toward towards beautiful beautifully some any all style screen frame 的 地
得 着 了 过 在 是 有 从 到 把 被 让 给 对 这 那 其 它 他 她 你 我 们 一 吧 呢 啊 吗 请 来 去 又 也 都 很 正 个
只 条 张 座 片 生成 制作 视频 短片 画面 画 场景 展示 帮我 请你 我想 我要 想看 看 一个 一段 一幅 一片 一座 镜头
颜色 色 风格 天 set_of set_in set_on set_at set_against 美丽 美丽的 漂亮 出现 旁边有 ,
all_right right_now right_away right_here right_there right_after just_right rest_of rest_in_peace left_over
left_behind left_alone left_me left_us left_him left_her left_them is_left has_left have_left make_it drop_dead
"""
# What stands before a place: "under the moon".
PLACE_BEFORE = """
under below beneath above over near beside behind past around across among between next by on inside against
next_to in_front_of
"""
# What stands after a place, in Chinese: "moon under".
PLACE_AFTER = """
下 下面 上 上面 里 里面 中 旁 旁边 边 前 前面 后 后面 之间 上空 之上 之下
"""
NOT = """
no not without never none nothing don't doesn't isn't aren't won't can't cannot minus lacking except avoid
exclude 没有 没 无 不要 不 别 不带 不含 不是 勿
"""
JOINERS = """
or nor 和 或 或者 与 以及 跟
"""
# Everyday Chinese words that only look as if they held a word of the vocabulary (大家: everybody, not "large").
IGNORED = """
大家 大概 大约 大学 大人 大脑 大事 小时 小说 小心 小学 小姐 小孩 小猫 小狗 大象 大熊猫 大树 小树 游戏 导游 旅游
快乐 愉快 火山 火车 火焰 飞机 直升机 飞碟 车站 车票 自行车 摩托车 天花板 花费 花钱 雪糕 上海 海报 海关 海豚 海龟
海马 山羊 山药 红楼梦 红包 黄瓜 黄河 白菜 白痴 绿茶 蓝牙 粉丝 暗示 暗号 高兴 开心 亮相 漂亮 不断 不错 不同 不过
不如 不仅 一起 一样 跳水 跳绳 鱼缸 鸟巢 城堡 明天 今天 昨天 天气 星期 月份 心情 小丑 大炮 快递 快餐 放大镜 人类
机器人 恐龙 狮子 老虎 熊猫 猫 狗 马 人 女孩 男孩 孩子 老人 宇航员
浪花 花样 棉花糖 风车 一路 海沟 海蒂 海市蜃楼 星辰大海 海盗 一支队伍 一夜 快递员 快许愿 山涧 走高 游子 游行 留言 脸都红
第一 第二 第三 最后一 一个人 两个人 一个小时 两个小时 三个小时 一转眼 一动不动 一模一样 一眼 以小博大 压力山大 面粉
"""
# Words for numbers, which count nothing where no thing follows ("at two"), and what is no thing to be seen.
NUMERALS = """
one two three four five six seven eight nine ten dozen 1 2 3 4 5 6 7 8 9 10
"""
UNITS = """
second seconds minute minutes min mins hour hours day days night nights week weeks weekend weekends month months
year years decade decades century centuries o'clock oclock am pm percent degree degrees time times year-old
metre metres meter meters km kilometre kilometres kilometer kilometers mile miles foot feet inch inches kg kilo kilos
gram grams litre litres euro euros dollar dollars pound pounds buck bucks cent cents hundred thousand million millions
billion half quarter quarters third percentage january february march april may june july august september october
november december monday tuesday wednesday thursday friday saturday sunday
"""
# Verbs that are seldom a motion: only beside a thing that could move, and never after one of these small words.
WEAK = """
left right spring beat beats stay stays rest rests set still land drop drops rock race wave run runs cross sit stand
"""
DETERMINERS = """
a an the my your his her our their this that every each in of no last next early late he she i we they who just
"""
